import js from "@eslint/js";
import globals from "globals";

export default [
  {ignores: ["static/build/", "listen_sdk/releases/", ".anyreach/", ".venv/"]},
  js.configs.recommended,
  {files: ["static/js/**/*.js"], languageOptions: {globals: globals.browser}},
  {files: ["tests/js/**/*.js", "*.mjs", "*.config.js"], languageOptions: {globals: {...globals.node, ...globals.browser}}},
];
