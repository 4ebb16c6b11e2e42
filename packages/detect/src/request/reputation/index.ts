// SPDX-License-Identifier: Apache-2.0

export { reputationErrors } from './errors.ts'
export { type FeedConfig, localPrefixes, type ReputationConfig, readReputationConfig } from './feed-config.ts'
export { type FeedFormatName, feedFormats } from './feed-formats.ts'
export { reputationLimits } from './limits.ts'
export { type FeedReading, readFeed, type WrongEntry } from './read-feed.ts'
export { createReputation, type FeedState, type Listing, type Reputation } from './reputation.ts'
