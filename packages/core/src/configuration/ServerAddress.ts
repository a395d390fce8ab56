/** Where LM Studio is. */
import * as Option from "effect/Option"

/** The settings that say it. */
export interface Place {
  readonly baseUrl: Option.Option<string>
  readonly host: string
  readonly port: number
}

/** Host and port as a URL has them: IPv6 in brackets, and a port that stands in the host kept. */
export const authority = (host: string, port: number): string => {
  if (/^(?:\[[^\]]*\]|[^:[\]]+):\d{1,5}$/.test(host)) return host
  return host.includes(":") && !host.startsWith("[") ? `[${host}]:${port}` : `${host}:${port}`
}

/** The server's address: `LMSTUDIO_BASE_URL` without the path of an API, else host and port. */
export const baseUrl = (settings: Place): string =>
  Option.getOrElse(settings.baseUrl, () => `http://${authority(settings.host, settings.port)}`).replace(
    /\/(?:api\/)?v[01]$/,
    ""
  )

/** Host and port of that address, and whether it is on this machine. */
export const address = (
  settings: Place
): { readonly host: string; readonly port: number; readonly isLocal: boolean } => {
  const { hostname, port, protocol } = new URL(baseUrl(settings))
  return {
    host: hostname,
    // a URL omits the default port of its scheme
    port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
    isLocal: /^(?:localhost|127(?:\.\d+){3}|0\.0\.0\.0|\[::1?\])$/.test(hostname)
  }
}
