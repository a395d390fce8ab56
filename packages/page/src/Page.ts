/**
 * The page as one text, which a server answers as it is, and the policy that allows exactly that text.
 */
import { html, scriptHash, styleHash } from "#asset"

export type * from "./Wire.ts"

/** The whole page: markup, style and program. It loads nothing else. */
export const text: string = html

/** `content-security-policy`: only this program and this style, requests only to the server that the page is from. */
export const policy: string = [
  "default-src 'none'",
  `script-src '${scriptHash}'`,
  `style-src '${styleHash}'`,
  "img-src data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  // whatever would make markup of a text fails
  "require-trusted-types-for 'script'",
  "trusted-types 'none'"
].join("; ")
