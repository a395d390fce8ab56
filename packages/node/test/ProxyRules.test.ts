import { assert, describe, it } from "@effect/vitest"
import { routeOf } from "#src/ProxyRules.ts"
import { FastCheck } from "effect"

const route = (url: string, variables: Readonly<Record<string, string>>) =>
  routeOf(new URL(url), (name) => variables[name])
const proxy = "http://proxy.example:3128"

describe("the route to a server", () => {
  const table: ReadonlyArray<readonly [string, Readonly<Record<string, string>>, string]> = [
    ["https://mcp.example/", {}, "Direct"],
    ["https://mcp.example/", { HTTPS_PROXY: proxy }, "HTTPS_PROXY"],
    ["https://mcp.example/", { https_proxy: proxy, HTTPS_PROXY: "http://other" }, "https_proxy"],
    ["https://mcp.example/", { https_proxy: "", HTTPS_PROXY: proxy }, "HTTPS_PROXY"],
    ["https://mcp.example/", { HTTP_PROXY: proxy }, "Direct"],
    ["http://mcp.example/", { HTTP_PROXY: proxy }, "HTTP_PROXY"],
    ["http://mcp.example/", { ALL_PROXY: "socks5h://proxy:1080" }, "ALL_PROXY"],
    ["https://mcp.example/", { all_proxy: proxy }, "all_proxy"],
    // this machine, however it is written
    ["http://localhost:1234/", { HTTP_PROXY: proxy }, "Direct"],
    ["http://127.8.0.1:1234/", { HTTP_PROXY: proxy }, "Direct"],
    ["https://[::1]/", { HTTPS_PROXY: proxy }, "Direct"],
    ["http://x.localhost/", { HTTP_PROXY: proxy }, "Direct"],
    ["https://[::ffff:127.0.0.1]/", { HTTPS_PROXY: proxy }, "Direct"],
    // exceptions
    ["https://mcp.example/", { HTTPS_PROXY: proxy, NO_PROXY: "*" }, "Direct"],
    ["https://mcp.example/", { HTTPS_PROXY: proxy, no_proxy: "a, mcp.example" }, "Direct"],
    ["https://mcp.example/", { HTTPS_PROXY: proxy, no_proxy: ".example" }, "Direct"],
    ["https://a.mcp.example/", { HTTPS_PROXY: proxy, NO_PROXY: "MCP.example" }, "Direct"],
    ["https://a.mcp.example/", { HTTPS_PROXY: proxy, NO_PROXY: "*.mcp.example" }, "Direct"],
    ["https://notmcp.example/", { HTTPS_PROXY: proxy, NO_PROXY: "mcp.example" }, "HTTPS_PROXY"],
    ["https://mcp.example/", { HTTPS_PROXY: proxy, NO_PROXY: "mcp.example:443" }, "Direct"],
    ["https://mcp.example:8443/", { HTTPS_PROXY: proxy, NO_PROXY: "mcp.example:443" }, "HTTPS_PROXY"],
    ["https://10.1.2.3/", { HTTPS_PROXY: proxy, NO_PROXY: "10.0.0.0/8" }, "Direct"],
    ["https://11.1.2.3/", { HTTPS_PROXY: proxy, NO_PROXY: "10.0.0.0/8" }, "HTTPS_PROXY"],
    ["https://[fd00::5]/", { HTTPS_PROXY: proxy, NO_PROXY: "fd00::/8" }, "Direct"],
    ["https://[fd00::5]/", { HTTPS_PROXY: proxy, NO_PROXY: "[fd00::5]" }, "Direct"]
  ]
  for (const [url, variables, way] of table) {
    it(`${url} with ${JSON.stringify(variables)} is ${way}`, () => {
      const found = route(url, variables)
      assert.strictEqual(found._tag === "Proxy" ? found.variable : found._tag, way)
    })
  }

  it("accepts a proxy without a scheme, and keeps user and password", () => {
    const found = route("https://mcp.example/", { HTTPS_PROXY: "me:s%40cret@proxy.example:3128" })
    assert.strictEqual(found._tag === "Proxy" ? found.url.href : "", "http://me:s%40cret@proxy.example:3128/")
  })

  it("is not guessed when a variable is invalid", () => {
    const found = route("https://mcp.example/", { HTTPS_PROXY: "ftp://proxy" })
    assert.deepInclude(found, { _tag: "Unusable", variable: "HTTPS_PROXY" })
    assert.deepInclude(route("https://mcp.example/", { HTTPS_PROXY: "http://[" }), { _tag: "Unusable" })
  })

  it("is found for any values of the variables", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.webUrl(), FastCheck.string(), FastCheck.string(), (url, value, exceptions) => {
        assert.include(["Direct", "Proxy", "Unusable"], route(url, { ALL_PROXY: value, NO_PROXY: exceptions })._tag)
      })
    )
  })
})
