/** Why a client's file was left unchanged. */
import * as Schema from "effect/Schema"
import { optional } from "../../schema/Fields.ts"
import { Client, rules } from "./ClientRules.ts"

/** Nothing was written. */
export class ClientFileError extends Schema.TaggedError<ClientFileError>()("ClientFileError", {
  /** The program whose file it is; absent for an mcp.json of the user. */
  client: optional(Client),
  /** `Changed`: another program wrote it meanwhile. `Taken`: the name belongs to another server. */
  reason: Schema.Literal("NoScope", "NoHome", "NotReadable", "NotValid", "NotWritable", "Changed", "Taken"),
  path: Schema.String,
  line: optional(Schema.Int),
  /** The entry's name, or the system's message. */
  detail: Schema.String
}) {
  get retryable() {
    return this.reason === "Changed"
  }
  override get message() {
    const title = this.client === undefined ? "the program" : rules[this.client].title
    switch (this.reason) {
      case "NoScope":
        return `${title} has no project files. Use --scope user.`
      case "NoHome":
        return `The file in which ${title} stores its servers is unknown, because HOME is not set. Set it.`
      case "NotReadable":
        return `${this.path} cannot be read: ${this.detail}`
      case "NotValid":
        return `${this.path}, line ${this.line ?? 1}: ${this.detail} Nothing was changed. Correct the file first.`
      case "NotWritable":
        return `${this.path} cannot be written: ${this.detail} Nothing was changed.`
      case "Changed":
        return `${this.path} was changed by another program at the same time. lms-bridge changed nothing; run this again.`
      case "Taken":
        if (this.client === undefined) {
          return `${this.path} already has a server "${this.detail}". Choose another name, or replace it with --force.`
        }
        return `${this.path} already has a server "${this.detail}" that is not lms-bridge. Choose another --name, or use --force.`
    }
  }
}
