/**
 * Decodes the bytes of a configuration file. Pure. PowerShell and Notepad write UTF-16, and some editors put a byte
 * order mark before UTF-8.
 */

/** Can be written back with `encode`. */
export interface Decoded {
  /** Without the byte order mark. */
  readonly text: string
  readonly encoding: Encoding
  readonly marked: boolean
}

export type Encoding = "utf-8" | "utf-16le" | "utf-16be"

/** Never fails: invalid bytes become U+FFFD. */
export const decode = (bytes: Uint8Array): Decoded => {
  const [first, second, third] = bytes
  if (first === 0xff && second === 0xfe) return as("utf-16le", bytes.subarray(2), true)
  if (first === 0xfe && second === 0xff) return as("utf-16be", bytes.subarray(2), true)
  if (first === 0xef && second === 0xbb && third === 0xbf) return as("utf-8", bytes.subarray(3), true)
  // without a mark: a configuration begins with an ASCII character, which has a zero byte in UTF-16
  if (first !== undefined && first !== 0 && second === 0) return as("utf-16le", bytes, false)
  if (first === 0 && second !== undefined && second !== 0) return as("utf-16be", bytes, false)
  return as("utf-8", bytes, false)
}

/** The bytes of a text in the encoding of its file. */
export const encode = (text: string, { encoding, marked }: Pick<Decoded, "encoding" | "marked">): Uint8Array => {
  const whole = marked ? `\uFEFF${text}` : text
  if (encoding === "utf-8") return new TextEncoder().encode(whole)
  const bytes = new Uint8Array(whole.length * 2)
  const view = new DataView(bytes.buffer)
  for (let index = 0; index < whole.length; index++) {
    view.setUint16(index * 2, whole.charCodeAt(index), encoding === "utf-16le")
  }
  return bytes
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const as = (encoding: Encoding, bytes: Uint8Array, marked: boolean): Decoded => ({
  text: encoding === "utf-16be" ? swapped(bytes) : new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes),
  encoding,
  marked
})

/** Not every runtime can decode UTF-16BE. */
const swapped = (bytes: Uint8Array) => {
  const other = new Uint8Array(bytes.length - (bytes.length % 2))
  for (let index = 0; index < other.length; index += 2) {
    other[index] = bytes[index + 1] ?? 0
    other[index + 1] = bytes[index] ?? 0
  }
  return new TextDecoder("utf-16le", { ignoreBOM: true }).decode(other)
}
