// The browser comes from the system or from @sparticuz/chromium; puppeteer must not download its own.
module.exports = { skipDownload: true };
