import type { z } from 'zod';

/** Whom a field may reach beyond who sent it and the people of its organization: its other devices, or everybody. */
export type Leaves = 'tenant' | 'shared';

/** @returns the fields with the mark that the OpenAPI document shows; a field without one goes no further */
export function leaving<Shape extends z.ZodRawShape>(leaves: Leaves, fields: Shape): Shape {
  const marked = Object.entries(fields).map(([name, schema]) => {
    const field = schema as z.ZodType;
    return [name, field.meta({ ...field.meta(), 'x-firebreak-leaves': leaves })];
  });
  return Object.fromEntries(marked) as Shape;
}
