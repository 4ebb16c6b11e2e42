// SPDX-License-Identifier: Apache-2.0

export { addNotifyHealth } from './add-health.ts'
export { type ChannelRecord, type Channels, createChannels } from './channels.ts'
export { notifyErrors } from './errors.ts'
export { notifyLimits } from './limits.ts'
export { createSendMail, type MailPlan, readMail } from './mail.ts'
export { type NoticePlaces, noticeCall, noticePlaces } from './places.ts'
export { createNoticeQueue, type NoticeQueue } from './queue.ts'
export { createSend } from './send.ts'
