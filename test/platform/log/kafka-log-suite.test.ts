import { startTestKafka } from '../../support/kafka.ts';
import { logSuite } from './log-suite.ts';

logSuite('log on Kafka', async () => {
  const kafka = await startTestKafka();
  let log = await kafka.open();
  return {
    get log() {
      return log;
    },
    patienceMs: 30_000,
    maxRecordBytes: 1_048_576,
    restart: async () => {
      await log.close();
      log = await kafka.open();
    },
    disturb: async () => kafka.proxy.cut(),
    stop: async () => {
      await log.close();
      await kafka.stop();
    },
    compact: (topic) => kafka.compact(log, topic),
    age: (topic) => kafka.age(log, topic),
  };
});
