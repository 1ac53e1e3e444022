import { runServices } from '../host/run-services.ts';

await runServices('firebreak-analyse', ['analyse']);
