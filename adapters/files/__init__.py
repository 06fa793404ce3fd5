"""Files that people send: fetched from the platform's own servers, and pictures made safe to hand on."""
