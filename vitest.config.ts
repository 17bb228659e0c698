import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["testing/attacks/**/*.test.ts", "packages/*/test/**/*.test.ts", "testing/test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});
