/**
 * Settings files: JSON with comments whose keys are those of the table of settings. A value in the project's file overrides one in
 * the user's, and a variable overrides both. Pure; the adapter reads the files. What reads and changes their text is in
 * SettingsText, which is loaded only where there is a file: an MCP client waits for a server to start.
 */
import * as Context from "effect/Context"
import type * as Option from "effect/Option"
import { nearest } from "../names/nearest.ts"
import type { Setting } from "./Setting.ts"

export interface SettingsFile {
  readonly path: string
  readonly scope: "project" | "user"
  /** None where there is no file. */
  readonly text: Option.Option<string>
}

/** The files of this process, the first one first; none unless an adapter names some. */
export class SettingsFiles extends Context.Reference<SettingsFiles>()("@lms-bridge/core/configuration/SettingsFiles", {
  defaultValue: (): ReadonlyArray<SettingsFile> => []
}) {}

export type Table = Readonly<Record<string, Setting<unknown>>>

/** The text that a variable would have, of each key of the file that can be used; and what is wrong with the others. */
export interface Contents {
  readonly values: ReadonlyMap<string, string>
  readonly problems: ReadonlyArray<string>
}

/**
 * What a project's file may not set: a cloned repository must not choose the program that is started, the server that gets
 * the prompts, what is allowed without asking, where data is kept, or
 * who reads it.
 */
export const isPersonal = (key: string): boolean => personal.has(key)

/** A suggestion for a key that is not a setting. */
export const meant = (table: Table, key: string): string => {
  const byVariable = Object.entries(table).find(([, { variable }]) => variable === key)
  const names = byVariable === undefined ? nearest(key, Object.keys(table)) : [byVariable[0]]
  return names.length === 0 ? "" : ` Did you mean ${names.map((name) => `"${name}"`).join(" or ")}?`
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const personal: ReadonlySet<string> = new Set([
  "host",
  "port",
  "baseUrl",
  "apiToken",
  "hosts",
  "githubToken",
  "httpToken",
  "mcpJsonPath",
  "mcpLock",
  "lmsBinary",
  "autostart",
  "mcpSampling",
  "workingDir",
  "policyPath",
  "dataDir",
  "logFile",
  "metricsOpen",
  "databaseUrl",
  "hostName",
  "hostSlots"
])
