/** Why a client's file was left as it is. */
import * as Schema from "effect/Schema"
import { optional } from "../../schema/Fields.ts"
import { Client, rules } from "./ClientPlaces.ts"

/** Nothing was written. */
export class ClientFileError extends Schema.TaggedError<ClientFileError>()("ClientFileError", {
  client: Client,
  /** `Changed`: somebody else wrote it meanwhile. `Taken`: the name belongs to another server. */
  reason: Schema.Literal("NoScope", "NoHome", "NotReadable", "NotJson", "NotWritable", "Changed", "Taken"),
  path: Schema.String,
  line: optional(Schema.Int),
  /** The entry's name, or what the system says. */
  detail: Schema.String
}) {
  get retryable() {
    return this.reason === "Changed"
  }
  override get message() {
    const { title } = rules[this.client]
    switch (this.reason) {
      case "NoScope":
        return `${title} has no files for projects. Use --scope user.`
      case "NoHome":
        return `It is not known where ${title} keeps its servers, because HOME is not set.`
      case "NotReadable":
        return `${this.path} cannot be read: ${this.detail}`
      case "NotJson":
        return `${this.path}, line ${this.line ?? 1}: ${this.detail} Correct the file first; nothing was changed.`
      case "NotWritable":
        return `${this.path} cannot be written: ${this.detail} Nothing was changed.`
      case "Changed":
        return `${this.path} was changed by another program at the same moment. Nothing was changed; run this again.`
      case "Taken":
        return `${this.path} has a server "${this.detail}" that is not lms-bridge. Choose another --name, or give --force.`
    }
  }
}
