// Accounts made over the API, for what a test needs but is not about.
import { randomUUID } from "node:crypto";

let next = 1;
export const password = "마당에서-놀자-7";

export function newPerson(handle, name) {
  const unique = `${handle}${next++}`;
  return { email: `${unique}@example.com`, password, handle: unique, name: name ?? handle };
}

async function call(url, method, path, { token, body } = {}) {
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: {
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      ...(body ? { "Content-Type": "application/json" } : {}),
      ...(method === "POST" ? { "Idempotency-Key": randomUUID() } : {}),
    },
    body: body ? JSON.stringify(body) : undefined,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

// { ...person, id, token, post(text), follow(other), like(postId), comment(postId, text) }
export async function join(url, handle, name) {
  const person = newPerson(handle, name);
  const { account, token } = await call(url, "POST", "/accounts", { body: person });
  const as = (method, path, body) => call(url, method, path, { token, body });
  return {
    ...person,
    id: account.id,
    token,
    as,
    post: (text) => as("POST", "/posts", { text }),
    follow: (other) => as("PUT", `/users/${other.id}/follow`),
    like: (postId) => as("PUT", `/posts/${postId}/like`),
    comment: (postId, text) => as("POST", `/posts/${postId}/comments`, { text }),
  };
}
