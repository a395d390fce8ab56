import { defineConfig } from "vitest/config"

const project = (name: string) => ({
  extends: true as const,
  test: {
    name,
    root: `packages/${name}`,
    include: ["test/**/*.test.ts"]
  }
})

export default defineConfig({
  resolve: { conditions: ["@lms-bridge/source"] },
  ssr: { resolve: { conditions: ["@lms-bridge/source"] } },
  test: {
    projects: ["core", "node", "telemetry", "cluster", "simulator", "testing", "page", "mcp-server", "cli"].map(
      project
    ),
    sequence: { concurrent: true },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // One process loads Effect once for all its files: four times faster. Tests share no state but modules, which hold none.
    pool: "forks",
    poolOptions: { forks: { maxForks: 2, isolate: false } }
  }
})
