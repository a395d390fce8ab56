/** What can go wrong with the user's MCP servers, as values. */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"
import { usefulIn } from "./LastWords.ts"
import { Lack } from "./login/StoredLogin.ts"

/** A configuration file as a whole cannot be used. One bad entry is not this error: it is a problem of that entry. */
export class McpConfigInvalid extends Schema.TaggedError<McpConfigInvalid>()("McpConfigInvalid", {
  path: Schema.String,
  reason: Schema.Literal("NotFound", "NotReadable", "NotJson", "NotToml", "NotYaml", "NoServers"),
  line: optional(Schema.Int),
  detail: Schema.String
}) {
  readonly retryable = false
  override get message() {
    const where = this.line === undefined ? this.path : `${this.path}, line ${this.line}`
    switch (this.reason) {
      case "NotFound":
        return `${this.path} does not exist. Correct MCP_JSON_PATH, unset it to search the usual places, or make the file with \`lms-bridge init\`.`
      case "NotReadable":
        return `${this.path} cannot be read: ${this.detail}`
      case "NoServers":
        return `${where}: ${this.detail} Put the servers under "mcpServers", or name another file.`
      default:
        return `${where}: ${this.detail} Correct the file; lms-bridge has not changed it.`
    }
  }
}

export class McpServerNotFound extends Schema.TaggedError<McpServerNotFound>()("McpServerNotFound", {
  server: Schema.String,
  available: Schema.Array(Schema.String),
  nearest: Schema.Array(Schema.String),
  /** The file that was searched; absent when there is none. */
  path: optional(Schema.String)
}) {
  readonly retryable = false
  override get message() {
    if (this.path === undefined) {
      return `There is no MCP server "${this.server}", because no mcp.json was found. \`lms-bridge init\` makes one, \`lms-bridge mcp add NAME -- COMMAND\` adds a server.`
    }
    const hint =
      this.nearest.length > 0
        ? `Did you mean ${this.nearest.join(" or ")}?`
        : `Its servers: ${this.available.length > 0 ? this.available.join(", ") : "none"}.`
    return `There is no MCP server "${this.server}" in ${this.path}. ${hint}`
  }
}

/** The entry exists but cannot be used as it is written. */
export class McpEntryUnusable extends Schema.TaggedError<McpEntryUnusable>()("McpEntryUnusable", {
  server: Schema.String,
  path: Schema.String,
  reason: Schema.Literal("Disabled", "Invalid", "MissingVariable", "Itself", "TooDeep"),
  line: optional(Schema.Int),
  detail: Schema.String
}) {
  readonly retryable = false
  override get message() {
    const where = `${this.path}${this.line === undefined ? "" : `, line ${this.line}`}`
    switch (this.reason) {
      case "Disabled":
        return this.detail === "" || this.detail === "disabled"
          ? `MCP server "${this.server}" is disabled. Remove "disabled" from its entry in ${where} to use it.`
          : `MCP server "${this.server}" is disabled by "${this.detail}" in ${where}. Change that to use it.`
      case "Itself":
        return `MCP server "${this.server}" is lms-bridge itself, so it cannot use it as a server.`
      case "TooDeep":
        return `MCP server "${this.server}" was not started: lms-bridge already runs inside another lms-bridge.`
      default:
        return `MCP server "${this.server}" (${where}) cannot be used: ${this.detail}`
    }
  }
}

/** The server did not start, or went away. `stderrTail` is the end of its stderr, limited in length. */
export class McpServerUnavailable extends Schema.TaggedError<McpServerUnavailable>()("McpServerUnavailable", {
  server: Schema.String,
  reason: Schema.Literal(
    "CommandNotFound",
    "Spawn",
    "Exited",
    "StartTimeout",
    "Protocol",
    "Http",
    "Unauthorized",
    "Closed",
    "Version",
    "Itself",
    "Overloaded"
  ),
  detail: Schema.String,
  exitCode: optional(Schema.Number),
  /** The HTTP status that the server answered with. */
  status: optional(Schema.Number),
  /** What is missing from the login, if that is why the server refuses. */
  lacks: optional(Lack),
  stderrTail: Schema.String
}) {
  get retryable() {
    return ["Exited", "Closed", "Http", "Overloaded"].includes(this.reason)
  }
  override get message() {
    const what = {
      CommandNotFound: "its command was not found",
      Spawn: "it could not be started",
      Exited: `it ended${this.exitCode === undefined ? "" : ` with exit code ${this.exitCode}`}`,
      StartTimeout: "it did not answer in time",
      Protocol: "it did not follow the MCP protocol",
      Http: "its address did not answer as expected",
      Unauthorized: unauthorized(this.lacks),
      Closed: "its connection closed",
      Version: `it speaks only MCP ${this.detail}, which lms-bridge does not support yet`,
      Itself: "it is lms-bridge itself, which cannot use itself as a server",
      Overloaded: "it has too much to do"
    }[this.reason]
    const next = {
      // its detail already says it
      CommandNotFound: "",
      Spawn: "Correct its entry.",
      Exited: "Run its command by hand to see why, then correct its entry; `lms-bridge mcp ls` shows both.",
      StartTimeout: "Give it longer with LMS_BRIDGE_MCP_START_TIMEOUT, or run its command by hand.",
      Protocol: "Check whether its entry starts the right program.",
      Http: 'Check "url" in its entry.',
      Unauthorized: loggingIn(this.server, this.lacks),
      Closed: "The next use reconnects.",
      Version: "Use a release of it that supports MCP 2025-11-25 or an earlier one.",
      Itself: "Disable its entry.",
      // its detail says it
      Overloaded: ""
    }[this.reason]
    const useful = usefulIn(this.stderrTail)
    const printed = useful === "" ? "" : ` It printed: ${useful}`
    return `MCP server "${this.server}" is not available: ${what}.${this.detail === "" || this.reason === "Version" ? "" : ` ${this.detail}`}${next === "" ? "" : ` ${next}`}${printed}`
  }
}

const unauthorized = (lacks: Lack | undefined) => {
  switch (lacks) {
    case undefined:
      return "it does not accept the credentials in its entry"
    case "login":
      return "it requires a login"
    case "renewal":
      return "your login to it is no longer valid"
    case "rights":
      return "your login to it does not cover this"
    case "refused":
      return "your login to it has the rights that it asks for, and is refused all the same"
    case "client":
      return 'its login service does not accept the client of "oauth" in its entry'
  }
}

const loggingIn = (server: string, lacks: Lack | undefined) => {
  switch (lacks) {
    case undefined:
      return 'Correct "headers" in its entry.'
    case "client":
      return 'Correct "clientId" and "clientSecret".'
    case "refused":
      return `Ask its operator, or log in as somebody else with \`lms-bridge mcp login ${server}\`.`
    case "login":
      return `Run \`lms-bridge mcp login ${server}\`, or put its token into "headers" in its entry.`
    default:
      return `Run \`lms-bridge mcp login ${server}\`.`
  }
}

/** A call failed to produce a result. An error that a tool itself reports is a result with `isError`, not this. */
export class McpCallFailed extends Schema.TaggedError<McpCallFailed>()("McpCallFailed", {
  server: Schema.String,
  tool: Schema.String,
  /** `Withheld`: the tool is not the one that the user trusted, so the server was not asked. */
  reason: Schema.Literal("Timeout", "Closed", "UnknownTool", "InvalidArguments", "Protocol", "Withheld"),
  limit: optional(Schema.DurationFromMillis),
  code: optional(Schema.Number),
  detail: Schema.String
}) {
  /** After a time-out or a lost connection nobody knows whether the tool ran, so nothing is retried automatically. */
  readonly retryable = false
  override get message() {
    if (this.reason === "Withheld") {
      return `Tool "${this.tool}" of MCP server "${this.server}" is withheld and was not run. ${this.detail} A person can look at it and accept it with \`lms-bridge mcp trust ${this.server}\`.`
    }
    const why =
      this.reason === "Timeout" && this.limit !== undefined
        ? `did not answer within ${Duration.format(this.limit)} (LMS_BRIDGE_MCP_CALL_TIMEOUT)${this.detail === "" ? "" : `. ${this.detail.replace(/\.$/, "")}`}`
        : this.reason === "Closed"
          ? "lost its server in the middle of the call. Whether it took effect is unknown: look before calling it again, which starts the server anew"
          : `failed: ${this.detail.replace(/\.$/, "")}`
    return `Tool "${this.tool}" of MCP server "${this.server}" ${why}.`
  }
}

/** A resource or a prompt could not be read. */
export class McpReadFailed extends Schema.TaggedError<McpReadFailed>()("McpReadFailed", {
  server: Schema.String,
  what: Schema.Literal("resource", "prompt"),
  /** The resource's URI or the prompt's name. */
  name: Schema.String,
  /** `Unsupported`: the server has no resources, or no prompts, at all. */
  reason: Schema.Literal("Timeout", "Closed", "NotFound", "InvalidArguments", "Unsupported", "Protocol"),
  limit: optional(Schema.DurationFromMillis),
  code: optional(Schema.Number),
  detail: Schema.String
}) {
  /** Reading changes nothing, so it may be tried again. */
  get retryable() {
    return this.reason === "Timeout" || this.reason === "Closed"
  }
  override get message() {
    const it = `${this.what === "resource" ? "Resource" : "Prompt"} "${this.name}" of MCP server "${this.server}"`
    const list = `\`lms-bridge mcp ${this.what}s ${this.server}\` lists what there is.`
    switch (this.reason) {
      case "Unsupported":
        return `MCP server "${this.server}" has no ${this.what}s.`
      case "NotFound":
        return `${it} does not exist. ${list}`
      case "Timeout":
        return `${it} was not received${this.limit === undefined ? "" : ` within ${Duration.format(this.limit)} (LMS_BRIDGE_MCP_CALL_TIMEOUT)`}.`
      case "Closed":
        return `${it} was not received, because the server went away. Try again: that restarts the server.`
      default:
        return `${it} was not received: ${this.detail}`
    }
  }
}

/** Errors of a tool call. */
export const McpCallError = Schema.Union(
  McpConfigInvalid,
  McpServerNotFound,
  McpEntryUnusable,
  McpServerUnavailable,
  McpCallFailed
)
export type McpCallError = typeof McpCallError.Type

export const McpError = Schema.Union(...McpCallError.members, McpReadFailed)
export type McpError = typeof McpError.Type
