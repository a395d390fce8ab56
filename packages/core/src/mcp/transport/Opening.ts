/**
 * How a connection begins, which is asked in the words of one kind of revisions and, where they are refused, in those of
 * the other: in the same process or at the same address, so that nothing is started twice to find out. Pure.
 */
import { ProtocolErrorCode, SdkHttpError, SUPPORTED_PROTOCOL_VERSIONS } from "@modelcontextprotocol/client"
import type { Era } from "../config/Launch.ts"
import type { ServerError } from "../reading/ErrorWords.ts"
import * as Greeting from "../reading/Greeting.ts"
import type * as Incoming from "../reading/Incoming.ts"
import * as ModernRequests from "../reading/ModernRequests.ts"

/**
 * In which words a server is asked first. `either`: with an `initialize` that says what each request says since 2026-07-28. A
 * server that knows only the older words does not look at that, and answers; one that knows both takes any such request for
 * one in the newer words, in which there is no `initialize`, and refuses it. So neither hangs or ends.
 */
export type Begins = Era | "either"

export interface Asked {
  readonly method: "initialize" | "server/discover"
  /** Of `initialize`, if it is not the newest one. */
  readonly version?: string
  /** Of `initialize`, if it is in the words of both. */
  readonly both?: true
}

export type Step =
  | { readonly _tag: "Ask"; readonly asked: Asked }
  | { readonly _tag: "Greeted"; readonly era: Era; readonly greeting: unknown }
  /** `foreign`: the versions that the server supports, if we support none of them. */
  | { readonly _tag: "Refused"; readonly error: ServerError; readonly foreign: ReadonlyArray<string> | undefined }

export const first = (begins: Begins): Asked =>
  begins === "modern"
    ? { method: "server/discover" }
    : { method: "initialize", ...(begins === "either" ? { both: true } : {}) }

/** What follows after the last question of `all` has ended. */
export const next = (all: ReadonlyArray<Asked>, ending: Incoming.Ending): Step => {
  const last = all.at(-1)
  const before = all.slice(0, -1)
  const wasAsked = (method: Asked["method"]) => before.some((one) => one.method === method && one.both !== true)
  return last?.method === "server/discover"
    ? afterDiscover(ending, wasAsked("initialize"), wasAsked("server/discover"))
    : afterInitialize(ending, all, wasAsked("server/discover"))
}

/** Whether the answer to a `server/discover` after `initialize`, which may be a refusal, shows that it knows the newer words. */
export const knowsNewer = (ending: Incoming.Ending): boolean =>
  ending._tag === "Result"
    ? Greeting.discovered(ending.value).includes(ModernRequests.revision)
    : Greeting.named(ending.error).includes(ModernRequests.revision) ||
      ending.error.text.includes(ModernRequests.revision)

/**
 * Whether a transport failed because the server does not know the method. Not so where it wants a login, is not ready or
 * cannot be reached: then the other words would not help.
 */
export const isDeclined = (error: unknown): boolean =>
  error instanceof SdkHttpError && [400, 404, 405, 406, 409, 410, 415, 422, 500, 501].includes(error.status)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const ask = (method: Asked["method"], version?: string): Step => ({
  _tag: "Ask",
  asked: version === undefined ? { method } : { method, version }
})

const greeted = (era: Era, greeting: unknown): Step => ({ _tag: "Greeted", era, greeting })

const refused = (error: ServerError, foreign: ReadonlyArray<string> | undefined): Step => ({
  _tag: "Refused",
  error,
  foreign
})

const afterDiscover = (ending: Incoming.Ending, wasInitialized: boolean, wasDiscovered: boolean): Step => {
  if (ending._tag === "Result") {
    const versions = Greeting.discovered(ending.value)
    if (versions.includes(ModernRequests.revision)) return greeted("modern", ModernRequests.greetingIn(ending.value))
    const isKnown = versions.some((version) => SUPPORTED_PROTOCOL_VERSIONS.includes(version))
    if (!wasInitialized && (isKnown || versions.length === 0)) return ask("initialize")
    return versions.length === 0
      ? greeted("legacy", ending.value)
      : refused(
          { code: ProtocolErrorCode.MethodNotFound, text: `It speaks ${versions.join(", ")}.`, data: undefined },
          versions
        )
  }
  const { error } = ending
  if (!wasDiscovered && Greeting.named(error).includes(ModernRequests.revision)) return ask("server/discover")
  if (!wasInitialized) return ask("initialize", Greeting.commonVersion(error))
  const foreign = Greeting.foreignVersions(error)
  // it supports neither way to begin, but perhaps the rest
  return foreign === undefined ? greeted("legacy", undefined) : refused(error, foreign)
}

const afterInitialize = (ending: Incoming.Ending, all: ReadonlyArray<Asked>, wasDiscovered: boolean): Step => {
  if (ending._tag === "Result") return greeted("legacy", ending.value)
  const { error } = ending
  const common = Greeting.commonVersion(error)
  if (common !== undefined && !all.some(({ version }) => version === common)) return ask("initialize", common)
  const foreign = Greeting.foreignVersions(error)
  const isUnknown = foreign === undefined && error.code === ProtocolErrorCode.MethodNotFound
  if (wasDiscovered) return isUnknown ? greeted("legacy", undefined) : refused(error, foreign)
  if (isUnknown || foreign?.includes(ModernRequests.revision) === true) return ask("server/discover")
  // perhaps it is the form that it does not like
  return all.at(-1)?.both === true ? ask("initialize") : refused(error, foreign)
}
