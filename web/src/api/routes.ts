// The API's document as types: which routes there are, what each takes and answers. A path or a
// field that is not in docs/openapi.json does not compile.
import type { paths } from "./schema";

export type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
type Prefix = "/api/v1";

type Operation<M extends Method, P extends keyof paths> = paths[P][Lowercase<M> & keyof paths[P]];

// "/posts/{id}" for every route that has the method.
export type Route<M extends Method> = {
  [P in keyof paths]: P extends `${Prefix}${infer Rest}`
    ? Operation<M, P> extends { responses: unknown }
      ? Rest
      : never
    : never;
}[keyof paths];

type OperationOf<M extends Method, R extends string> = `${Prefix}${R}` extends infer P
  ? P extends keyof paths
    ? Operation<M, P>
    : never
  : never;

type Json<T> = T extends { content: { "application/json": infer A } } ? A : undefined;

export type Answer<M extends Method, R extends string> =
  OperationOf<M, R> extends { responses: infer A }
    ? Json<A[keyof A & (200 | 201 | 202 | 204)]>
    : never;

export type Body<M extends Method, R extends string> =
  OperationOf<M, R> extends { requestBody?: infer B } ? Json<NonNullable<B>> : undefined;

type Parameters<M extends Method, R extends string, Where extends "query" | "path"> =
  OperationOf<M, R> extends { parameters: infer A }
    ? Where extends keyof A
      ? NonNullable<A[Where]>
      : never
    : never;

export type Query<M extends Method, R extends string> = Parameters<M, R, "query">;
export type PathValues<M extends Method, R extends string> = Parameters<M, R, "path">;
