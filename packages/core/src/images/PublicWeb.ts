/**
 * HTTP to public addresses only: nothing on this machine, in its network or in its cloud is requested on behalf of a model
 * or a web page.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Option from "effect/Option"
import ipaddr from "ipaddr.js"

/**
 * A client that refuses, when it connects, every address that is not public, whatever name resolved to it. It must not
 * follow redirects by itself. None unless the executable provides one; then nothing is fetched.
 */
export class PublicWeb extends Context.Reference<PublicWeb>()("@lms-bridge/core/images/PublicWeb", {
  defaultValue: (): Option.Option<HttpClient.HttpClient> => Option.none()
}) {}

/** Whether an address belongs to the public internet. */
export const isPublic = (address: string): boolean => {
  const bare = address.replace(/^\[|\]$/g, "").replace(/%.*$/, "")
  // `process` turns an IPv4-mapped IPv6 address into the IPv4 address
  return ipaddr.isValid(bare) && ipaddr.process(bare).range() === "unicast"
}

/**
 * Whether a URL may be fetched, judged by its text alone: http or https, no credentials, and a public address or name. The
 * client checks what the name resolves to when it connects.
 */
export const mayFetch = (url: URL): boolean => {
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "")
  if (!/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") return false
  if (ipaddr.isValid(host)) return isPublic(host)
  return host.includes(".") && !/\.(local|localhost|internal|lan|home\.arpa|home|corp|test|invalid)$/i.test(host)
}
