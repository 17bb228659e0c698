import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["testing/attacks/**/*.test.ts", "packages/*/test/**/*.test.ts", "testing/test/**/*.test.ts"],
    // Tests wait for other programs most of the time: one processor each.
    maxWorkers: "100%",
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});
