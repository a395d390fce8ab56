// How often the right one of 97 tools is in sight of a model with a context of 4096, for plain requests in other words than
// the tools'. By words alone; `bench/real/sight.mjs` also measures with an embedding model.
import { exactly } from "./measure.mjs"
import { figures, forms, measured, tools } from "./sight/measured.mjs"

export const title = "plain requests for one of many tools"

export const run = async () => {
  const rows = []
  for (const form of Object.keys(forms)) {
    const answers = await measured({ form })
    for (const [half, ofHalf] of Object.entries(answers)) {
      const { inSight, millis, requests, tokens, withSignature } = figures(ofHalf)
      const what = (words) => `${form}, ${requests} requests (${half}), ${tools.length} tools: ${words}`
      rows.push(
        { what: what("right tool in sight"), unit: "%", measured: exactly(inSight), atLeast: 99 },
        { what: what("right tool with its parameters"), unit: "%", measured: exactly(withSignature), atLeast: 75 },
        { what: what("what is told of tools"), unit: "tokens", measured: exactly(tokens) },
        { what: what("time to rank"), unit: "ms", measured: exactly(millis) }
      )
      if (half !== "looked at") continue
      for (const { right, text } of ofHalf.filter(({ withSignature }) => !withSignature)) {
        console.error(`bench: ${form}, without parameters: ${text} (${right.join(" or ")})`)
      }
    }
  }
  return rows
}
