/** Images as bytes. The kind is read from the bytes themselves, whatever a file name or header says. Pure. */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"

/** The kinds that are sent to vision models. */
export type ImageKind = "image/png" | "image/jpeg" | "image/webp" | "image/gif"

/** Size of the largest image, in bytes. */
export const maxBytes = 10 * 1024 * 1024

/** The kind by the first bytes; undefined for anything else. */
export const kindOf = (bytes: Uint8Array): ImageKind | undefined => {
  const starts = (signature: ReadonlyArray<number>, from = 0) =>
    signature.every((byte, index) => bytes[from + index] === byte)
  if (starts([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return "image/png"
  if (starts([0xff, 0xd8, 0xff])) return "image/jpeg"
  if (starts([0x47, 0x49, 0x46, 0x38])) return "image/gif"
  if (starts([0x52, 0x49, 0x46, 0x46]) && starts([0x57, 0x45, 0x42, 0x50], 8)) return "image/webp"
  return undefined
}

/** A `data:` URL, or bare base64; undefined when the text is neither. */
export const base64In = (text: string): string | undefined => {
  const url = /^data:[^,]*;base64,/i.exec(text)
  if (url !== null) return text.slice(url[0].length).replaceAll(/\s/g, "")
  // a path this long would contain a dot
  return text.length >= 64 && /^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(text) ? text.replaceAll(/\s/g, "") : undefined
}

/** Decodes base64. The size is checked by the length of the text, before anything is decoded. */
export const decode = (base64: string): Either.Either<Uint8Array, "TooLarge" | "NotBase64"> =>
  (base64.length * 3) / 4 > maxBytes + 2
    ? Either.left("TooLarge")
    : Either.mapLeft(Encoding.decodeBase64(base64), () => "NotBase64" as const)

export const dataUrl = (kind: ImageKind, bytes: Uint8Array): string =>
  `data:${kind};base64,${Encoding.encodeBase64(bytes)}`
