/** What can go wrong with a lock file, as values. */
import * as Schema from "effect/Schema"

/**
 * The file is there and cannot be used, or cannot be written. As long as it cannot be read, none of the tools that it
 * guards is offered.
 */
export class McpLockFailed extends Schema.TaggedError<McpLockFailed>()("McpLockFailed", {
  path: Schema.String,
  reason: Schema.Literal("NotReadable", "Invalid", "NotWritable"),
  detail: Schema.String
}) {
  readonly retryable = false
  override get message() {
    switch (this.reason) {
      case "NotReadable":
        return `${this.path} cannot be read, so no tool of the servers beside it is offered: ${this.detail}`
      case "Invalid":
        return `${this.path} is not a lock file as lms-bridge writes it, so no tool of the servers beside it is offered: ${this.detail} Restore it, or delete it and run \`lms-bridge mcp lock\` to trust the tools of now.`
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
    return `MCP server "${this.server}" is in no configuration file, so its tools cannot be locked.`
  }
}
