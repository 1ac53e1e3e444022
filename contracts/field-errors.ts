import type { z } from 'zod';
import type { FieldError } from './errors.ts';

/** @returns one entry per zod issue; unrecognized keys are named one by one */
export function toFieldErrors(error: z.ZodError, prefix = ''): readonly FieldError[] {
  return fieldErrors(error.issues, prefix);
}

function fieldErrors(issues: readonly z.core.$ZodIssue[], prefix: string): readonly FieldError[] {
  return issues.slice(0, 20).flatMap((issue) => {
    const pointer =
      prefix +
      issue.path.map((part) => '/' + String(part).replaceAll('~', '~0').replaceAll('/', '~1')).join('');
    if (issue.code === 'invalid_union' && issue.errors.length > 0) return unionErrors(issue, pointer);
    if (issue.code !== 'unrecognized_keys') return [{ pointer, detail: issue.message }];
    return issue.keys
      .slice(0, 20)
      .map((key) => ({ pointer: `${pointer}/${key}`, detail: 'This key is not known here.' }));
  });
}

const oneOf = 'One of: ';

/** The errors of the form that was meant, or one error that tells every form. */
function unionErrors(issue: z.core.$ZodIssueInvalidUnion, pointer: string): readonly FieldError[] {
  const forms = formsMeant(issue).map((form) => fieldErrors(form, pointer));
  const [form] = forms;
  if (form !== undefined && forms.length === 1) return form;
  const texts = forms.map((errors) =>
    errors
      .map((error) => `${error.pointer.slice(pointer.length)} ${error.detail.replace(oneOf, '')}`.trim())
      .join(', '),
  );
  return [{ pointer, detail: oneOf + texts.join('; ') }];
}

/** @returns the issues of the forms that the value is closest to: wrong only inside, or at least not altogether of another type */
function formsMeant({ errors }: z.core.$ZodIssueInvalidUnion): readonly (readonly z.core.$ZodIssue[])[] {
  const inside = errors.filter((issues) => issues.every(({ path }) => path.length > 0));
  if (inside.length > 0) return inside;
  const alike = errors.filter((issues) =>
    issues.every(({ code, path }) => code !== 'invalid_type' || path.length > 0),
  );
  return alike.length > 0 ? alike : errors;
}
