import { runServices } from '../host/run-services.ts';
import { serviceNames } from '../host/services.ts';

await runServices('firebreak', serviceNames);
