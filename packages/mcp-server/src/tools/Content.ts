/**
 * The parts of results and messages, as in MCP's `ContentBlock`.
 */

export type Content =
  | { readonly type: "text"; readonly text: string }
  /** `data` is base64. */
  | { readonly type: "image" | "audio"; readonly data: string; readonly mimeType: string }
  | {
      readonly type: "resource"
      readonly resource: { readonly uri: string; readonly mimeType: string; readonly text: string }
    }

export const text = (text: string): Content => ({ type: "text", text })

/** The SDK's types distinguish images from audio, and have mutable objects. */
export const toSdk = (part: Content) => {
  switch (part.type) {
    case "text":
      return { type: "text" as const, text: part.text }
    case "image":
      return { type: "image" as const, data: part.data, mimeType: part.mimeType }
    case "audio":
      return { type: "audio" as const, data: part.data, mimeType: part.mimeType }
    case "resource":
      return { type: "resource" as const, resource: { ...part.resource } }
  }
}
