/** Why an image is not sent to a model. */
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"

/** The message shortens `source` and omits a URL's query. */
export class ImageRefused extends Schema.TaggedError<ImageRefused>()("ImageRefused", {
  source: Schema.String,
  reason: Schema.Literal(
    "NotFound",
    "NotReadable",
    "Folder",
    "NotAnImage",
    "TooLarge",
    "NotBase64",
    "Address",
    "Redirects",
    "Http",
    "Unreachable",
    "NoWeb"
  ),
  status: optional(Schema.Number),
  detail: optional(Schema.String)
}) {
  get retryable() {
    return this.reason === "Unreachable"
  }
  override get message() {
    const what = `The image ${shown(this.source)}`
    switch (this.reason) {
      case "NotFound":
        return `${what} does not exist. Give an absolute path, a URL, or base64.`
      case "NotReadable":
        return `${what} cannot be read. Check its permissions.`
      case "Folder":
        return `${what} is not read: ${this.detail ?? "its folder may not be worked in."}`
      case "NotAnImage":
        return `${what} is not a PNG, JPEG, WebP or GIF. Convert it to one of these.`
      case "TooLarge":
        return `${what} is larger than 10 MB. Make it smaller.`
      case "NotBase64":
        return `${what} is truncated or is not base64. Give all of it, or a path.`
      case "Address":
        return `${what} is not fetched: its address is not public. Download it, and give its path.`
      case "Redirects":
        return `${what} is not fetched: there are too many redirects. Download it, and give its path.`
      case "Http":
        return `${what} could not be fetched: its server answered ${this.status === undefined ? "with an error" : `with status ${this.status}`}. Check the URL, or give a path.`
      case "Unreachable":
        return `${what} could not be fetched${this.detail === undefined ? "" : ` (${this.detail})`}. Download it, and give its path.`
      case "NoWeb":
        return `${what} is not fetched: this program has no access to the web. Give a path or base64.`
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const shown = (source: string) => {
  const text = source.replace(/[?#].*$/s, "")
  return text.length > 100 ? `"${text.slice(0, 60)}…"` : `"${text}"`
}
