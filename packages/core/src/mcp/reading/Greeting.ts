/** Reads the answer to `initialize` so that any answer is accepted: what counts is whether the lists work. */
import {
  type InitializeResult,
  LATEST_PROTOCOL_VERSION,
  SUPPORTED_PROTOCOL_VERSIONS
} from "@modelcontextprotocol/client"
import * as Predicate from "effect/Predicate"
import type { ServerError } from "./ErrorWords.ts"

/** The declared capabilities. `undefined` where it declared none at all: then every list is requested. */
export interface Offered {
  readonly tools: boolean
  readonly resources: boolean
  readonly prompts: boolean
  /** Whether tools may be called as tasks. */
  readonly tasks: boolean
}

/** An answer that the SDK accepts. An unknown version becomes the requested one. */
export const read = (answer: unknown): InitializeResult => {
  const { capabilities, instructions, protocolVersion, serverInfo } = recordOf(answer)
  const { name, title, version } = recordOf(serverInfo)
  const can = recordOf(capabilities)
  const told = Array.isArray(instructions) ? instructions.filter(Predicate.isString).join("\n") : instructions
  return {
    protocolVersion: knownVersion(protocolVersion) ?? LATEST_PROTOCOL_VERSION,
    capabilities: {
      ...(isOffered(can["tools"]) ? { tools: {} } : {}),
      ...(isOffered(can["resources"]) ? { resources: {} } : {}),
      ...(isOffered(can["prompts"]) ? { prompts: {} } : {})
    },
    serverInfo: {
      name: typeof name === "string" ? name : "",
      version: typeof version === "string" ? version : typeof version === "number" ? String(version) : "",
      ...(typeof title === "string" ? { title } : {})
    },
    ...(typeof told === "string" && told !== "" ? { instructions: told } : {})
  }
}

export const offered = (answer: unknown): Offered | undefined => {
  const can = recordOf(recordOf(answer)["capabilities"])
  const has = (key: string) => isOffered(can[key])
  const tasks = recordOf(recordOf(recordOf(can["tasks"])["requests"])["tools"])
  const all = { tools: has("tools"), resources: has("resources"), prompts: has("prompts") }
  return Object.values(all).includes(true) ? { ...all, tasks: isOffered(tasks["call"]) } : undefined
}

/** The changes of which a server tells, as the filter of `subscriptions/listen` names them. */
export const told = (answer: unknown): Readonly<Record<string, boolean>> => {
  const can = recordOf(recordOf(answer)["capabilities"])
  const kinds = { tools: "toolsListChanged", prompts: "promptsListChanged", resources: "resourcesListChanged" }
  return Object.fromEntries(
    Object.entries(kinds).flatMap(([key, name]) => (recordOf(can[key])["listChanged"] === true ? [[name, true]] : []))
  )
}

/** Whether a server has greeted in the newest of the older revisions: one that knows the newer ones, too, knows that one. */
export const isNewest = (answer: unknown): boolean =>
  knownVersion(recordOf(answer)["protocolVersion"]) === LATEST_PROTOCOL_VERSION

/** The versions that a refusal names as those of the server. */
export const named = ({ data }: ServerError): ReadonlyArray<string> => {
  const { supported, supportedProtocolVersions, supportedVersions } = recordOf(data)
  return [supported, supportedVersions, supportedProtocolVersions].flatMap((list) =>
    Array.isArray(list) ? list.filter(Predicate.isString) : []
  )
}

/** The newest version that both sides support, if a refusal names those of the server. */
export const commonVersion = (error: ServerError): string | undefined =>
  SUPPORTED_PROTOCOL_VERSIONS.find((version) => version !== LATEST_PROTOCOL_VERSION && named(error).includes(version))

/** The versions that a refusal names, if we support none of them; undefined if it does not refuse our version. */
export const foreignVersions = (error: ServerError): ReadonlyArray<string> | undefined => {
  const names = named(error)
  if (names.some((version) => SUPPORTED_PROTOCOL_VERSIONS.includes(version))) return undefined
  if (names.length > 0) return names
  const refused =
    newer.includes(error.code ?? 0) ||
    /unsupported ?protocol ?version|protocol version .*not supported|io\.modelcontextprotocol\/(?:protocolVersion|clientCapabilities)/i.test(
      error.text
    )
  return refused
    ? [/\b20\d\d-\d\d-\d\d\b/.exec(error.text.replaceAll(LATEST_PROTOCOL_VERSION, ""))?.[0] ?? "2026-07-28"]
    : undefined
}

/** The versions in the answer to `server/discover` of revision 2026-07-28. */
export const discovered = (answer: unknown): ReadonlyArray<string> => {
  const { protocolVersions, supportedVersions } = recordOf(answer)
  return [supportedVersions, protocolVersions].flatMap((list) =>
    Array.isArray(list) ? list.filter(Predicate.isString) : []
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** HeaderMismatch, MissingRequiredClientCapability, UnsupportedProtocolVersion of revision 2026-07-28. */
const newer: ReadonlyArray<number> = [-32_020, -32_021, -32_022]

const recordOf = (value: unknown): { readonly [key: PropertyKey]: unknown } =>
  Predicate.isReadonlyRecord(value) ? value : {}

/** PHP writes an empty object as `[]`. */
const isOffered = (value: unknown) => value !== undefined && value !== null && value !== false

const knownVersion = (version: unknown) => SUPPORTED_PROTOCOL_VERSIONS.find((known) => known === String(version).trim())
