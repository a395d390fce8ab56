/** Why there is no backup, or nothing was restored. */
import * as Schema from "effect/Schema"

export class BackupFailed extends Schema.TaggedError<BackupFailed>()("BackupFailed", {
  path: Schema.String,
  reason: Schema.Literal("Exists", "NotWritten", "NotReadable", "NoBackup"),
  detail: Schema.String
}) {
  readonly retryable = false
  override get message() {
    switch (this.reason) {
      case "Exists":
        return `${this.path} is there already. Name another file, or use --force.`
      case "NotWritten":
        return `The backup ${this.path} cannot be written: ${this.detail}`
      case "NotReadable":
        return `${this.path} cannot be read: ${this.detail}`
      case "NoBackup":
        return `${this.path} is not a backup of lms-bridge: ${this.detail}`
    }
  }
}
