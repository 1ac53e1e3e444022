/** Version of the service and of its interface; a test keeps it equal to package.json. */
export const serviceVersion = '0.1.0';
