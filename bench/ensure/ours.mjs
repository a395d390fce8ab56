// ModelLifecycle as the executables wire it, and beside it the bare request that it has to make.
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import * as Effect from "effect/Effect"
import { runtime, serve } from "../runtime.mjs"

const model = "qwen/qwen3-4b-2507"
const callers = Number(process.env.LMS_BRIDGE_BENCH_CALLERS)
/** A sample is the mean of this many calls in a row, because the noise of clock and scheduler exceeds one call. */
const inARow = 20

const ensure = Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.ensureLoaded(model))

const meanOf = async (once) => {
  const started = performance.now()
  for (let turn = 0; turn < inARow; turn += 1) await once()
  return { millis: (performance.now() - started) / inARow }
}

const answers = {
  together: () =>
    runtime
      .runPromise(
        Effect.all(
          Array.from({ length: callers }, () => ensure),
          { concurrency: "unbounded" }
        )
      )
      .then((all) => ({ callers: all.length })),
  ensure: () => meanOf(() => runtime.runPromise(ensure)),
  fetch: () => meanOf(() => fetch(`${process.env.LMSTUDIO_BASE_URL}/api/v1/models`).then((reply) => reply.json()))
}

serve(({ what }) => answers[what]())
