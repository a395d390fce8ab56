/**
 * Whether an address belongs to the public internet. Nothing on this machine, in its network or in its cloud is requested
 * on behalf of a model or a web page. Pure.
 */
import ipaddr from "ipaddr.js"

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
