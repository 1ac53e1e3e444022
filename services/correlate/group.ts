/** The consumer group of the correlators. */
export const group = 'correlate';
