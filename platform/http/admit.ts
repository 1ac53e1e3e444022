import { FirebreakError } from '../../contracts/errors.ts';
import { roleSchema } from '../../contracts/domain.ts';
import type { Access } from '../../contracts/operation.ts';
import type { Principal, Route } from './route.ts';

const bearer = /^Bearer +([\x21-\x7e]{1,512}) *$/i;

/** @throws FB_CREDENTIAL_MISSING when the header has no bearer token */
export function bearerToken(authorization: string | undefined): string {
  const token = bearer.exec(authorization ?? '')?.[1];
  if (token === undefined) {
    throw new FirebreakError(
      'FB_CREDENTIAL_MISSING',
      'There is no bearer token in the `Authorization` header.',
    );
  }
  return token;
}

/**
 * Routes of one method and path differ in who may call them (a device and a person read `/v1/reports/{id}` differently).
 * @throws FB_ROLE_INSUFFICIENT when none of them is for this caller
 */
export function routeFor(routes: readonly Route[], principal: Principal): Route {
  const route = routes.find(({ operation }) => admits(operation.access, principal));
  if (route !== undefined) return route;
  const wanted = routes.map(({ operation }) => describeAccess(operation.access)).join(' or ');
  throw new FirebreakError('FB_ROLE_INSUFFICIENT', `This is for ${wanted}.`);
}

export function admits(access: Access, principal: Principal): boolean {
  if (access.kind === 'public') return true;
  if (!('role' in access)) return access.kind === principal.kind;
  if (principal.kind !== 'person') return false;
  // The roles stand in the order of what they may do.
  return roleSchema.options.indexOf(principal.role) >= roleSchema.options.indexOf(access.role);
}

function describeAccess(access: Access): string {
  switch (access.kind) {
    case 'public':
      return 'everybody';
    case 'operator':
      return 'the operator';
    case 'enrollment':
      return 'an enrolment key';
    case 'device':
      return 'a device';
    case 'person':
      return `people with the role ${access.role} or above`;
  }
}
