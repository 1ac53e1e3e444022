import type { PublishEvents } from '../../services/publish/events.ts';

export const silentPublishEvents: PublishEvents = {
  recordRead: () => undefined,
  recordUnreadable: () => undefined,
  readingFailed: () => undefined,
  caughtUp: () => undefined,
  flushed: () => undefined,
  subscribed: () => undefined,
  unsubscribed: () => undefined,
  resynced: () => undefined,
  snapshotTaken: () => undefined,
  snapshotBroken: () => undefined,
};
