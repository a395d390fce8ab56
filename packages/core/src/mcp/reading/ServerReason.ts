/**
 * Why a server refused, in its own words: from the header and body of a 401 or 403, a few lines, without tokens. Pure.
 */
import * as Predicate from "effect/Predicate"
import { parseJson } from "../../internal/parseJson.ts"

/** "" when it gave no reason. */
export const reasonIn = (body: string, challenge: string | null): string => {
  const described = [inHeader("error_description", challenge), ...inBody(body.slice(0, mostRead))]
  // a code alone says little, but is better than nothing
  const words = [...described, described.join("").trim() === "" ? spoken(inHeader("error", challenge)) : ""]
    .map((part) =>
      masked(part)
        .replaceAll(/\s+/g, " ")
        .replace(/[\s:;,=-]{1,20}$/, "")
        .trim()
    )
    .filter((part) => part !== "")
  const told = words.filter((part, at) => words.findIndex((other) => other.includes(part)) === at)
  const text = told.map((part) => (/[.!?…]$/.test(part) ? part : `${part}.`)).join(" ")
  return text.length > most ? `${[...text].slice(0, most - 1).join("")}…` : text
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** In characters: about three lines. */
const most = 300

const mostRead = 16_384

const inHeader = (name: string, challenge: string | null): string => {
  const pattern = new RegExp(`(?:^|[\\s,])${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,"]+))`, "i")
  const found = pattern.exec((challenge ?? "").slice(0, 4096))
  return (found?.[1] ?? found?.[2] ?? "").replaceAll(/\\(.)/g, "$1")
}

const inBody = (body: string): ReadonlyArray<string> => {
  const json = parseJson(body)
  if (json !== undefined) return inJson(json, 4)
  return [/<[a-z!/]/i.test(body) ? withoutMarkup(body) : body]
}

/** Common keys of error messages, the most informative first. */
const names = ["error_description", "message", "detail", "details", "reason", "title", "error", "errors", "msg", "hint"]

const inJson = (json: unknown, depth: number): ReadonlyArray<string> => {
  if (typeof json === "string") return [spoken(json)]
  if (depth === 0) return []
  if (Array.isArray(json)) return json.slice(0, 3).flatMap((item) => inJson(item, depth - 1))
  if (!Predicate.isReadonlyRecord(json)) return []
  for (const name of names) {
    const found = Object.hasOwn(json, name) ? inJson(json[name], depth - 1) : []
    if (found.some((part) => part.trim() !== "")) return found
  }
  return []
}

/** Turns a protocol code such as `insufficient_scope` into words. */
const spoken = (text: string) => (/^[a-z]+(_[a-z]+)+$/.test(text) ? text.replaceAll("_", " ") : text)

const withoutMarkup = (html: string) =>
  html
    .replaceAll(
      /<(script|style|head)\b[^<>]*>[^]*?<\/\1\s*>/gi,
      (block) => /<title[^<>]*>([^<]*)/i.exec(block)?.[1] ?? ""
    )
    .replaceAll(/<!--[^]*?-->/g, " ")
    .replaceAll(/<[^<>]*>/g, " ")
    .replaceAll(/&(amp|lt|gt|quot|#39|nbsp);/g, (_, name: string) => entities[name] ?? " ")

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", nbsp: " " }

/** A server may repeat credentials that it received, and not only ours. */
const masked = (text: string) =>
  text
    .replaceAll(/\b(bearer|basic|token)(["':=\s]+)(?=[\w.~+/-]*[\d_-])[\w.~+/-]{8,}=*/gi, "$1$2<redacted>")
    .replaceAll(/\beyJ[\w-]+(\.[\w-]*)*/g, "<redacted>")
