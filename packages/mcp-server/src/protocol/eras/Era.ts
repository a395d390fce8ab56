/**
 * The two kinds of revisions: up to 2025-11-25 a connection begins with `initialize`; since 2026-07-28 each request says
 * what the server has to know of its client. Pure.
 */
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  type ClientCapabilities,
  LOG_LEVEL_META_KEY,
  type ServerContext
} from "@modelcontextprotocol/server"
import * as Predicate from "effect/Predicate"
import type * as ClientLog from "../ClientLog.ts"

export type Era = "legacy" | "modern"

interface Envelope {
  readonly [CLIENT_INFO_META_KEY]?: { readonly name: string }
  readonly [CLIENT_CAPABILITIES_META_KEY]?: ClientCapabilities
  readonly [LOG_LEVEL_META_KEY]?: ClientLog.Level
}

export type Asked = ServerContext["mcpReq"]

export interface SaidOfClient {
  readonly name: string | undefined
  readonly capabilities: ClientCapabilities | undefined
  readonly level: ClientLog.Level | undefined
}

/** What a request says about its client; nothing in the older revisions. */
export const clientIn = (asked: Asked): SaidOfClient => {
  // the SDK has checked it, and its type has no keys
  const envelope: Envelope = asked.envelope ?? {}
  return {
    name: envelope[CLIENT_INFO_META_KEY]?.name,
    capabilities: envelope[CLIENT_CAPABILITIES_META_KEY],
    level: envelope[LOG_LEVEL_META_KEY]
  }
}

/** Who sends a request over HTTP, where nothing connects it with the one before: a machine and the program's name. */
export const identityOf = (body: unknown, address: string): string => {
  const params = Predicate.hasProperty(body, "params") ? body.params : undefined
  const meta = Predicate.hasProperty(params, "_meta") ? params._meta : undefined
  const info = Predicate.hasProperty(meta, CLIENT_INFO_META_KEY) ? meta[CLIENT_INFO_META_KEY] : undefined
  const name = Predicate.hasProperty(info, "name") && typeof info.name === "string" ? info.name : ""
  return `${address} ${name.slice(0, 100)}`
}

/** How long a client may keep an answer, since 2026-07-28. What does not change while the process runs, for a while. */
export const cacheHints = {
  "tools/list": { ttlMs: 300_000, cacheScope: "private" },
  "prompts/list": { ttlMs: 300_000, cacheScope: "private" },
  "resources/templates/list": { ttlMs: 300_000, cacheScope: "private" },
  "server/discover": { ttlMs: 300_000, cacheScope: "private" }
} as const
