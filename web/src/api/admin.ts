import { call } from "./client";
import type { ParkedState, ReportState } from "./types";

const limit = 20;
type Cursor = string | undefined;
type Signal = AbortSignal;

export const readReports = (state: ReportState) => (cursor: Cursor, signal: Signal) =>
  call("GET", "/admin/reports", { query: { state, limit, cursor }, signal });
export const resolveReport = (id: number, hide: boolean) =>
  call("POST", "/admin/reports/{id}/resolve", { path: { id }, body: { hide } });

export const readSuspensions = (cursor: Cursor, signal: Signal) =>
  call("GET", "/admin/suspensions", { query: { limit, cursor }, signal });
export const suspend = (id: number, body: { reason: string; until?: string }) =>
  call("PUT", "/admin/accounts/{id}/suspension", { path: { id }, body });
export const liftSuspension = (id: number) =>
  call("DELETE", "/admin/accounts/{id}/suspension", { path: { id } });

export const readAudit = (cursor: Cursor, signal: Signal) =>
  call("GET", "/admin/audit", { query: { limit, cursor }, signal });

export const readParked = (state: ParkedState | undefined) => (cursor: Cursor, signal: Signal) =>
  call("GET", "/admin/events", { query: { state, limit, cursor }, signal });
export const retryEvent = (subscriber: string, id: number) =>
  call("POST", "/admin/events/{subscriber}/{id}/retry", { path: { subscriber, id } });
export const retryEvents = () => call("POST", "/admin/events/retry", {});
export const discardEvent = (subscriber: string, id: number) =>
  call("DELETE", "/admin/events/{subscriber}/{id}", { path: { subscriber, id } });
export const discardEvents = () => call("DELETE", "/admin/events", {});
