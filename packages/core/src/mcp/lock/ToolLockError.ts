/** Errors of lock files. */
import * as Schema from "effect/Schema"

/** The file exists but cannot be used, or cannot be written. While it cannot be read, none of its tools is offered. */
export class McpLockFailed extends Schema.TaggedError<McpLockFailed>()("McpLockFailed", {
  path: Schema.String,
  reason: Schema.Literal("NotReadable", "Invalid", "NotWritable"),
  detail: Schema.String
}) {
  readonly retryable = false
  override get message() {
    switch (this.reason) {
      case "NotReadable":
        return `${this.path} cannot be read, so no tool of the servers that it guards is offered: ${this.detail}`
      case "Invalid":
        return `${this.path} is not a valid lock file, so no tool of the servers that it guards is offered: ${this.detail} Restore it, or delete it and run \`lms-bridge mcp lock\` to trust the current tools.`
      case "NotWritable":
        return `${this.path} could not be written: ${this.detail} Nothing was changed.`
    }
  }
}

/** A server that is in no configuration file has no place for a lock. */
export class McpNotLockable extends Schema.TaggedError<McpNotLockable>()("McpNotLockable", {
  server: Schema.String
}) {
  readonly retryable = false
  override get message() {
    return `MCP server "${this.server}" is in no configuration file, so its tools cannot be locked. Add it to one first.`
  }
}
