"""What happens to some cases in the demo, by what it is about; `cases.demo.lifecycle` says when."""
