// MCP clients over HTTP, no more than the protocol needs, in a process of their own.

const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" }
let ids = 0

/** The answer to a request, in JSON or as an event. */
const answerOf = async (response) => {
  const text = await response.text()
  const body = text.startsWith("{")
    ? text
    : text
        .split("\n")
        .findLast((line) => line.startsWith("data: {"))
        ?.slice(6)
  if (!response.ok || body === undefined) throw new Error(`${response.status} ${text.slice(0, 200)}`)
  const { error, result } = JSON.parse(body)
  if (error !== undefined) throw new Error(error.message)
  return { response, result }
}

export const connect = async (url) => {
  const post = (message, session) =>
    fetch(url, {
      method: "POST",
      headers: { ...headers, ...(session === undefined ? {} : { "mcp-session-id": session }) },
      body: JSON.stringify({ jsonrpc: "2.0", ...message })
    })
  const request = async (method, params, session) => answerOf(await post({ id: ++ids, method, params }, session))
  const { response } = await request("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "load", version: "1.0.0" }
  })
  const session = response.headers.get("mcp-session-id")
  await (await post({ method: "notifications/initialized" }, session)).text()
  return {
    tools: async () => (await request("tools/list", {}, session)).result.tools,
    call: async (name, args = {}) => {
      const { result } = await request("tools/call", { name, arguments: args }, session)
      if (result.isError) throw new Error(result.content[0].text)
      return result
    },
    close: () => fetch(url, { method: "DELETE", headers: { "mcp-session-id": session } })
  }
}

const timed = async (work) => {
  const started = performance.now()
  await work()
  return performance.now() - started
}

const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis))

/** What went well, in milliseconds, and what did not, in words. */
const settled = async (all) => {
  const ended = await Promise.allSettled(all)
  return {
    millis: ended.flatMap(({ value }) => value ?? []),
    failed: ended.flatMap(({ reason }) => (reason === undefined ? [] : [reason.message]))
  }
}

const perform = {
  /** So many requests a second, sent whether or not earlier ones have been answered. */
  steady: async ({ perSecond, prompt, seconds, url }) => {
    const clients = await Promise.all(Array.from({ length: 10 }, () => connect(url)))
    const started = performance.now()
    const all = []
    for (let sent = 0; sent < perSecond * seconds; sent++) {
      await sleep(Math.max(0, started + (sent * 1000) / perSecond - performance.now()))
      all.push(timed(() => clients[sent % clients.length].call("chat_completion", { prompt })))
    }
    const result = await settled(all)
    await Promise.all(clients.map(({ close }) => close()))
    return result
  },
  /** Clients that all connect at once, look at the tools, and ask a few times. */
  crowd: async ({ count, prompt, times, url }) =>
    settled(
      Array.from({ length: count }, async () => {
        const client = await connect(url)
        await client.tools()
        const millis = []
        for (let time = 0; time < times; time++) {
          millis.push(await timed(() => client.call("chat_completion", { prompt })))
        }
        await client.close()
        return millis
      })
    ).then(({ failed, millis }) => ({ failed, millis: millis.flat() })),
  /** Runs that are all started at once and wait for each other. */
  runs: async ({ count, task, url }) => {
    const client = await connect(url)
    const started = performance.now()
    const result = await settled(
      Array.from({ length: count }, async () => {
        const { structuredContent } = await client.call("run_start", task)
        const { runId } = structuredContent
        let status = "running"
        while (status === "running") {
          const { structuredContent } = await client.call("run_result", { run_id: runId, wait_seconds: 20 })
          status = structuredContent.status
        }
        if (status !== "done") throw new Error(`a run ended as ${status}`)
        return performance.now() - started
      })
    )
    await client.close()
    return result
  },
  /** One client that asks the same again and again. */
  again: async ({ times, url }) => {
    const client = await connect(url)
    const millis = []
    for (let time = 0; time < times; time++) millis.push(await timed(() => client.call("list_available_mcps")))
    await client.close()
    return { millis, failed: [] }
  }
}

process.on("message", ({ what, ...options }) => {
  perform[what](options).then(
    (result) => process.send(result),
    (error) => process.send({ error: String(error) })
  )
})
process.send({ ready: true })
