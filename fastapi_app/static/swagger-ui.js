// Starts Swagger UI. The page has no inline script, so that its policy need not allow any.
const container = document.getElementById("swagger-ui");
const dark = matchMedia("(prefers-color-scheme: dark)");

const applyTheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", applyTheme);
applyTheme();

SwaggerUIBundle({
  url: container.dataset.document,
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  showCommonExtensions: true,
  // Query parameters of the page must not change options, such as the document.
  queryConfigEnabled: false,
  // Swagger UI would send the address of the document to a validator of its makers.
  validatorUrl: null,
});
