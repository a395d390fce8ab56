/**
 * Whether an address belongs to the open internet: what lies in this machine, its network or its cloud is asked nothing
 * on behalf of a model or of a page. Pure.
 */
import ipaddr from "ipaddr.js"

export const isPublic = (address: string): boolean => {
  const bare = address.replace(/^\[|\]$/g, "").replace(/%.*$/, "")
  // also takes IPv4 that is written within IPv6 for what it is
  return ipaddr.isValid(bare) && ipaddr.process(bare).range() === "unicast"
}

/**
 * Whether a URL may be fetched, as far as it says itself: http or https, no credentials, and no address or name that is
 * not public. What its name leads to is for the connection to check.
 */
export const mayFetch = (url: URL): boolean => {
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "")
  if (!/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") return false
  if (ipaddr.isValid(host)) return isPublic(host)
  return host.includes(".") && !/\.(local|localhost|internal|lan|home\.arpa|home|corp|test|invalid)$/i.test(host)
}
