/**
 * Which requests the page's routes accept, by their headers alone. Pure.
 */

export interface Headers {
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly cookie?: string | undefined
  readonly "content-type"?: string | undefined
  readonly "sec-fetch-site"?: string | string[] | undefined
  readonly "x-forwarded-proto"?: string | string[] | undefined
  readonly "x-lms-bridge"?: string | string[] | undefined
}

/** A cookie belongs to all ports of a host, so its name has the port: two bridges on a machine do not log each other out. */
export const cookieName = ({ host = "" }: Headers): string => `lms_bridge_${/:(\d+)$/.exec(host)?.[1] ?? "page"}`

export const cookieOf = (headers: Headers): string | undefined => {
  const name = cookieName(headers)
  const pairs = (headers.cookie ?? "").split(";").map((pair) => pair.trim())
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}

/** `set-cookie`; without a value, the browser forgets it. */
export const setCookie = (headers: Headers, value: string, maxAgeSeconds: number): string =>
  [
    `${cookieName(headers)}=${value}`,
    "HttpOnly",
    "SameSite=Strict",
    "Path=/",
    `Max-Age=${maxAgeSeconds}`,
    ...(headers["x-forwarded-proto"] === "https" ? ["Secure"] : [])
  ].join("; ")

/**
 * Why a request that changes something is not from our page; undefined if it is. A page of another site can send neither
 * this header nor this type without asking first, and nobody answers that question; the browser names the origin.
 */
export const notOurs = (headers: Headers): string | undefined => {
  if (!/^application\/json(;|$)/i.test(headers["content-type"] ?? ""))
    return "Send JSON, with content-type application/json."
  if (headers["x-lms-bridge"] !== "page") return "The header x-lms-bridge: page is missing."
  const { host, origin } = headers
  if (origin === undefined || !URL.canParse(origin) || new URL(origin).host !== host) {
    return `Origin "${origin ?? ""}" is not this server.`
  }
  const site = headers["sec-fetch-site"]
  return site === undefined || site === "same-origin" ? undefined : "The request is from another site."
}
