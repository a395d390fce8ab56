// `node bench/real/sight.mjs`: the bench `sight` by words, and with a real embedding model behind the simulator's catalog.
// Writes docs/tools-in-sight.md.
import { writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { once } from "node:events"
import { makeReady } from "../../scripts/ready.mjs"
import { inRoot } from "../../scripts/workspace.mjs"
import { figures, forms, measured, tools } from "../sight/measured.mjs"
import { startEngine } from "./engine.mjs"
import * as setUp from "./home.mjs"

/** Embeddings come from the engine, everything else from LM Studio's stand-in. */
const embeddingsFrom = (engine) => async (standIn) => {
  const server = createServer((incoming, outgoing) => {
    const parts = []
    incoming.on("data", (part) => parts.push(part))
    incoming.on("end", async () => {
      const base = incoming.url.endsWith("/embeddings") ? engine : standIn
      try {
        const answer = await fetch(new URL(incoming.url, base), {
          method: incoming.method,
          headers: { "content-type": "application/json" },
          ...(parts.length === 0 ? {} : { body: Buffer.concat(parts) })
        })
        const text = Buffer.from(await answer.arrayBuffer())
        const own = base === engine && answer.ok ? named(text, JSON.parse(Buffer.concat(parts)).model) : text
        outgoing.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "text/plain" })
        outgoing.end(own)
      } catch (error) {
        outgoing.writeHead(502).end(String(error.message))
      }
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  server.unref()
  return `http://127.0.0.1:${server.address().port}`
}

/** The reply in the name of the model that was asked. */
const named = (text, model) => JSON.stringify({ ...JSON.parse(text), model })

await makeReady()
const file = await setUp.embeddingModel()
const engine = await startEngine(await setUp.engine(), {
  file,
  name: "minilm",
  context: 512,
  args: ["--embedding", "--pooling", "mean", "-ub", "512"]
})

const lines = []
try {
  for (const form of Object.keys(forms)) {
    for (const [how, before] of [
      ["words", undefined],
      ["words and MiniLM", embeddingsFrom(engine.url)]
    ]) {
      setUp.say(`${form}, ${how}`)
      for (const [half, answers] of Object.entries(await measured({ form, before }))) {
        const notes = new Set(answers.flatMap(({ notes }) => notes))
        for (const note of notes) setUp.say(note)
        const { first, inSight, millis, requests, signatures, slowest, tokens, tokensOfTask, withSignature } =
          figures(answers)
        const cells = [
          form,
          how,
          `${requests}, ${half}`,
          ...[inSight, withSignature, first(10)].map((share) => `${share.toFixed(0)} %`),
          signatures,
          `${tokens}, ${tokensOfTask}`,
          `${(millis / 1000).toFixed(2)}, ${(slowest / 1000).toFixed(2)}`
        ]
        lines.push(`| ${cells.join(" | ")} |`)
        console.log(lines.at(-1))
      }
    }
  }
} finally {
  await engine.stop()
}

writeFileSync(
  inRoot("docs", "tools-in-sight.md"),
  `# Tools in sight

Written by \`node bench/real/sight.mjs\`; \`npm run bench -- sight\` measures the part without an embedding model.

${tools.length} tools of seven real servers (filesystem, memory, everything, git, time, fetch, GitHub's default toolsets and its git toolset), a model with a
context of 4096 tokens, plain requests in words that are not the tools' ("Put the sentence 'hello' into out.txt."). Each request is a run of its own; what
counts is the first request that the model gets. One half of the requests was looked at while the ranking was made, the other was only measured. Table of
words and requests have one author, so that other people's words may be met less well.

- In sight: the right tool's name or definition is there. With parameters: its line or definition is there.
- Tokens, by our estimate: what is told of tools in all, and how much of it is new with each task.
- Seconds: median and longest time to rank, on a machine that does much else. The longest is the first: it includes the load of the model and the vectors of
  all tools, which are kept. Where that takes more than 10 s, tools are ranked by words, and the next run goes on with the vectors.

| form | ranked by | requests | in sight | with parameters | among the first ten | told with parameters | tokens, of the task | seconds |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
${lines.join("\n")}
`
)
process.exit(0)
