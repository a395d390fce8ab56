/** Why an image is not given to a model. */
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"

/** `source` is shown shortened, and of a URL without its query. */
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
        return `${what} cannot be read by you.`
      case "Folder":
        return `${what} is not read: ${this.detail ?? "its folder is not one to work in."}`
      case "NotAnImage":
        return `${what} is no PNG, JPEG, WebP or GIF.`
      case "TooLarge":
        return `${what} is larger than 10 MB. Make it smaller.`
      case "NotBase64":
        return `${what} is cut or is not base64.`
      case "Address":
        return `${what} is not fetched: its address is not a public one. Download it, and give its path.`
      case "Redirects":
        return `${what} is not fetched: it redirects again and again.`
      case "Http":
        return `${what} was not given: its server answered ${this.status ?? "otherwise"}.`
      case "Unreachable":
        return `${what} could not be fetched${this.detail === undefined ? "" : ` (${this.detail})`}. Download it, and give its path.`
      case "NoWeb":
        return `${what} is not fetched: this program fetches nothing. Give a path or base64.`
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
