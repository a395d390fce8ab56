/** Which proxy a request goes through, by the same environment variables that other programs use. Pure. */
import ipaddr from "ipaddr.js"

/** `Unusable`: the variable is set to an invalid value. */
export type Route =
  | { readonly _tag: "Direct" }
  | { readonly _tag: "Proxy"; readonly url: URL; readonly variable: string }
  | { readonly _tag: "Unusable"; readonly variable: string; readonly detail: string }

/** Requests to this machine never use a proxy. `variable` reads an environment variable by name. */
export const routeOf = (target: URL, variable: (name: string) => string | undefined): Route => {
  const host = bare(target.hostname)
  if (isThisMachine(host)) return direct
  const names = target.protocol === "https:" ? ["https_proxy", "all_proxy"] : ["http_proxy", "all_proxy"]
  const found = names
    .flatMap((name) => [name, name.toUpperCase()])
    .map((name) => ({ name, value: variable(name)?.trim() ?? "" }))
    .find(({ value }) => value !== "")
  if (found === undefined) return direct
  const port = target.port === "" ? (target.protocol === "https:" ? "443" : "80") : target.port
  const exceptions = `${variable("no_proxy") ?? ""},${variable("NO_PROXY") ?? ""}`.split(/[\s,]+/)
  if (exceptions.some((entry) => covers(entry, host, port))) return direct
  return proxyIn(found.name, found.value)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const direct: Route = { _tag: "Direct" }

const bare = (hostname: string) =>
  hostname
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "")
    .toLowerCase()

const isThisMachine = (host: string): boolean => {
  if (host === "localhost" || host.endsWith(".localhost")) return true
  return ipaddr.isValid(host) && ["loopback", "unspecified"].includes(ipaddr.process(host).range())
}

const proxyIn = (variable: string, value: string): Route => {
  const written = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`
  const unusable = (detail: string): Route => ({ _tag: "Unusable", variable, detail })
  if (!URL.canParse(written)) return unusable("it is not a URL; write http://HOST:PORT")
  const url = new URL(written.replace(/^socks5h:/i, "socks5:"))
  return /^(https?|socks5?):$/.test(url.protocol)
    ? { _tag: "Proxy", url, variable }
    : unusable(`proxies of kind ${url.protocol.replace(":", "")} are not supported; http, https and socks5 are`)
}

/** An entry of NO_PROXY: a host with its subdomains, optionally with a port; a network; or a star for everything. */
const covers = (written: string, host: string, port: string): boolean => {
  const entry = written.trim().toLowerCase()
  if (entry === "") return false
  if (entry === "*") return true
  if (entry.includes("/")) return isWithin(host, entry)
  const parts = /^(\[[^\]]*\]|[^:]*|.*:.*:.*?)(?::(\d+))?$/.exec(entry)
  if (parts?.[2] !== undefined && parts[2] !== port) return false
  const name = bare((parts?.[1] ?? entry).replace(/^\*?\./, ""))
  return name !== "" && (host === name || host.endsWith(`.${name}`))
}

const isWithin = (host: string, network: string): boolean => {
  if (!ipaddr.isValid(host) || !ipaddr.isValidCIDR(network)) return false
  const address = ipaddr.process(host)
  const [base, bits] = ipaddr.parseCIDR(network)
  return address.kind() === base.kind() && address.match([base, bits])
}
