"""What ``openbell doctor`` looks at: each module asks one side of the installation and answers in findings."""
