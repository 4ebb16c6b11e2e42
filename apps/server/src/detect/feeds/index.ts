// SPDX-License-Identifier: Apache-2.0

export { feedErrors } from './errors.ts'
export { addFeedHealth } from './feed-health.ts'
export { type FeedFollower, type FollowedFeed, openFeeds } from './follow-feeds.ts'
export { feedFiles, readFeedPlan } from './plan.ts'
