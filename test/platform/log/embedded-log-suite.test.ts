import { startTestLog } from '../../support/log.ts';
import { logSuite } from './log-suite.ts';

const dayMs = 86_400_000;

/** With a tail of 64 KiB, most reading of the past goes through the database. */
for (const [name, tailBytes] of Object.entries({
  'embedded log': 33_554_432,
  'embedded log with a short memory': 65_536,
})) {
  logSuite(name, async () => {
    let aheadMs = 0;
    const server = await startTestLog({ now: () => Date.now() + aheadMs, tailBytes });
    // Compaction and retention go by whole days.
    const inTwoDays = async () => {
      aheadMs = 2 * dayMs;
      await server.log.expire();
      aheadMs = 0;
    };
    return {
      get log() {
        return server.log;
      },
      patienceMs: 10_000,
      maxRecordBytes: 1_048_576,
      restart: () => server.restart(),
      disturb: () => server.disturb(),
      stop: () => server.stop(),
      compact: inTwoDays,
      age: inTwoDays,
    };
  });
}
