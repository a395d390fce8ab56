// What Prometheus' own tool says of our metrics, alert rules and their tests. It is installed where Debian's package can be;
// else its rules that matter most are in `Monitoring.test.ts` and `Prometheus.test.ts`, and these checks are skipped.
import { startSuite } from "./checks.mjs"
import { inRoot, run } from "./workspace.mjs"

const suite = startSuite("monitoring")

const found = async () => (await run("promtool", ["--version"])).code === 0
const install = () =>
  run("apt-get", ["install", "-y", "--no-install-recommends", "prometheus"], {
    env: { DEBIAN_FRONTEND: "noninteractive" },
    timeoutMillis: 90_000
  })

if (!(await found()) && process.platform === "linux" && process.getuid?.() === 0) await install()
if (await found()) {
  const check = async (name, args, input) => {
    const { code, stderr, stdout } = await run("promtool", args, { input })
    suite.record(name, code === 0 ? undefined : `${stdout}${stderr}`)
  }
  const Metrics = await import(inRoot("packages/core/dist/observability/Metrics.js"))
  const Prometheus = await import(inRoot("packages/core/dist/observability/Prometheus.js"))
  const Effect = await import("effect/Effect")
  for (const { add, labels, observe, set, type } of Object.values(Metrics)) {
    if (labels === undefined) continue
    const values = Object.fromEntries(labels.map((label) => [label, 'a "quoted" \\ value']))
    if (type === "counter") add(values)
    else if (type === "gauge") set(values, 1)
    else observe(values, 1)
  }
  await check(
    "the metrics are in Prometheus' format, and named as it recommends",
    ["check", "metrics"],
    await Effect.runPromise(Prometheus.render)
  )
  await check("the alert rules are valid", ["check", "rules", inRoot("docs/operations/alerts.yml")])
  await check("the alerts fire when they should", ["test", "rules", inRoot("docs/operations/alerts.test.yml")])
  process.exit(suite.finish())
}
process.exit(suite.skip("promtool is not here, and Debian's package prometheus cannot be installed"))
